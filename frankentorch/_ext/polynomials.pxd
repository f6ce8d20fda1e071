# Written by `python bench/minimax.py --write`; do not edit. Each function is one Horner chain of fused
# multiply-adds. What a polynomial stands for is the row of FITS with its name; the error is absolute.
from frankentorch._ext.bitmath cimport fma_f32, fma_f64


cdef inline double poly_exp_f64(double x) noexcept nogil:  # within 1.5e-18
    cdef double p = 2.0916361711998637e-09
    p = fma_f64(p, x, 2.5105421026898544e-08)
    p = fma_f64(p, x, 2.755726893977339e-07)
    p = fma_f64(p, x, 2.7557254801642484e-06)
    p = fma_f64(p, x, 2.480158733000073e-05)
    p = fma_f64(p, x, 0.00019841269875426533)
    p = fma_f64(p, x, 0.0013888888888882163)
    p = fma_f64(p, x, 0.008333333333325893)
    p = fma_f64(p, x, 0.04166666666666667)
    p = fma_f64(p, x, 0.1666666666666667)
    p = fma_f64(p, x, 0.5)
    return p


cdef inline double poly_exp2_f64(double x) noexcept nogil:  # within 2.3e-17
    cdef double p = -2.8579398830670812e-11
    p = fma_f64(p, x, 2.5347448666527557e-11)
    p = fma_f64(p, x, 4.688876022370545e-10)
    p = fma_f64(p, x, 7.055179525324102e-09)
    p = fma_f64(p, x, 1.0177325595461458e-07)
    p = fma_f64(p, x, 1.3215486032104153e-06)
    p = fma_f64(p, x, 1.5252734944625312e-05)
    p = fma_f64(p, x, 0.00015403530394342198)
    p = fma_f64(p, x, 0.0013333558145596852)
    p = fma_f64(p, x, 0.009618129107627948)
    p = fma_f64(p, x, 0.05550410866482418)
    p = fma_f64(p, x, 0.24022650695910072)
    p = fma_f64(p, x, 0.6931471805599453)
    return p


cdef inline double poly_log_f64(double x) noexcept nogil:  # within 3.6e-17
    cdef double p = 0.13286357053099185
    p = fma_f64(p, x, 0.13246727417662724)
    p = fma_f64(p, x, 0.15387213018013057)
    p = fma_f64(p, x, 0.1818177375695628)
    p = fma_f64(p, x, 0.22222222655192173)
    p = fma_f64(p, x, 0.28571428569175183)
    p = fma_f64(p, x, 0.40000000000005315)
    p = fma_f64(p, x, 0.6666666666666666)
    return p


cdef inline double poly_logdd_f64(double x) noexcept nogil:  # within 2.1e-17
    cdef double p = 0.2580673825290053
    p = fma_f64(p, x, 0.08572273833879364)
    p = fma_f64(p, x, 0.11863967978906978)
    p = fma_f64(p, x, 0.1333063816644446)
    p = fma_f64(p, x, 0.1538465718810965)
    p = fma_f64(p, x, 0.18181817813432077)
    p = fma_f64(p, x, 0.22222222223945337)
    p = fma_f64(p, x, 0.2857142857142495)
    p = fma_f64(p, x, 0.4)
    return p


cdef inline double poly_sin_f64(double x) noexcept nogil:  # within 9.1e-18
    cdef double p = -7.057482798096869e-13
    p = fma_f64(p, x, 1.6047921883714124e-10)
    p = fma_f64(p, x, -2.5052024425132933e-08)
    p = fma_f64(p, x, 2.755731891657751e-06)
    p = fma_f64(p, x, -0.00019841269840720427)
    p = fma_f64(p, x, 0.008333333333332912)
    p = fma_f64(p, x, -0.16666666666666666)
    return p


cdef inline double poly_cos_f64(double x) noexcept nogil:  # within 2.3e-18
    cdef double p = 3.4226274829960626e-14
    p = fma_f64(p, x, -1.1443931530493378e-11)
    p = fma_f64(p, x, 2.0876551225362656e-09)
    p = fma_f64(p, x, -2.7557318464276665e-07)
    p = fma_f64(p, x, 2.480158730022252e-05)
    p = fma_f64(p, x, -0.0013888888888887838)
    p = fma_f64(p, x, 0.041666666666666664)
    return p


cdef inline double poly_atan_f64(double x) noexcept nogil:  # within 1.7e-17
    cdef double p = 0.004871288739513266
    p = fma_f64(p, x, 0.01046711417085468)
    p = fma_f64(p, x, -0.03151880638513033)
    p = fma_f64(p, x, 0.04459127201444681)
    p = fma_f64(p, x, -0.05212543239556158)
    p = fma_f64(p, x, 0.05876611563629183)
    p = fma_f64(p, x, -0.06666221731469865)
    p = fma_f64(p, x, 0.07692284392810206)
    p = fma_f64(p, x, -0.09090908291028271)
    p = fma_f64(p, x, 0.11111111094094257)
    p = fma_f64(p, x, -0.14285714285511195)
    p = fma_f64(p, x, 0.19999999999998874)
    p = fma_f64(p, x, -0.3333333333333333)
    return p


cdef inline double poly_asin_f64(double x) noexcept nogil:  # within 8.3e-18
    cdef double p = 0.007848015042351485
    p = fma_f64(p, x, 0.017460913167568485)
    p = fma_f64(p, x, -0.011173504299674548)
    p = fma_f64(p, x, 0.016607271619645463)
    p = fma_f64(p, x, 0.003659687092078173)
    p = fma_f64(p, x, 0.009260013164988921)
    p = fma_f64(p, x, 0.009618492894794002)
    p = fma_f64(p, x, 0.011568337920415363)
    p = fma_f64(p, x, 0.01396350472056004)
    p = fma_f64(p, x, 0.017352839077028073)
    p = fma_f64(p, x, 0.02237215632459851)
    p = fma_f64(p, x, 0.030381944508581876)
    p = fma_f64(p, x, 0.04464285714201774)
    p = fma_f64(p, x, 0.07500000000000512)
    p = fma_f64(p, x, 0.16666666666666666)
    return p


cdef inline double poly_sinh_f64(double x) noexcept nogil:  # within 8.9e-18
    cdef double p = -3.56388374374382e-14
    p = fma_f64(p, x, 1.5431342270840474e-13)
    p = fma_f64(p, x, 4.995839039583391e-13)
    p = fma_f64(p, x, 1.6083663761803702e-10)
    p = fma_f64(p, x, 2.5051978180454868e-08)
    p = fma_f64(p, x, 2.755731961461587e-06)
    p = fma_f64(p, x, 0.00019841269840648347)
    p = fma_f64(p, x, 0.008333333333333777)
    p = fma_f64(p, x, 0.16666666666666666)
    return p


cdef inline double poly_erf_f64(double x) noexcept nogil:  # within 1.1e-17
    cdef double p = -4.422423712363807e-10
    p = fma_f64(p, x, 3.427059877744839e-09)
    p = fma_f64(p, x, -1.199753805711931e-08)
    p = fma_f64(p, x, 2.5140853031507405e-08)
    p = fma_f64(p, x, -3.600691086796833e-08)
    p = fma_f64(p, x, 4.8638274903466196e-08)
    p = fma_f64(p, x, -1.873314871478264e-07)
    p = fma_f64(p, x, 1.6582539472877428e-06)
    p = fma_f64(p, x, -1.4930098395139825e-05)
    p = fma_f64(p, x, 0.00012055450839586407)
    p = fma_f64(p, x, -0.0008548329210231252)
    p = fma_f64(p, x, 0.005223977652742688)
    p = fma_f64(p, x, -0.026866170647282642)
    p = fma_f64(p, x, 0.11283791670964752)
    p = fma_f64(p, x, -0.37612638903183954)
    p = fma_f64(p, x, 0.1283791670955126)
    return p


cdef inline double poly_erfcx_f64(double x) noexcept nogil:  # within 2.7e-18
    cdef double p = 4.3749855645204956e-10
    p = fma_f64(p, x, 4.939906860530056e-10)
    p = fma_f64(p, x, -5.4071966510652216e-09)
    p = fma_f64(p, x, -4.482334409857414e-09)
    p = fma_f64(p, x, 3.9470406716199635e-08)
    p = fma_f64(p, x, 2.4584146708467662e-08)
    p = fma_f64(p, x, -2.599427810909227e-07)
    p = fma_f64(p, x, -5.859354539079099e-08)
    p = fma_f64(p, x, 1.7528244512700138e-06)
    p = fma_f64(p, x, -9.726407116506765e-07)
    p = fma_f64(p, x, -1.1444842953522333e-05)
    p = fma_f64(p, x, 2.2383829777390705e-05)
    p = fma_f64(p, x, 5.164936428756519e-05)
    p = fma_f64(p, x, -0.0002901539585146314)
    p = fma_f64(p, x, 0.0002937136001897434)
    p = fma_f64(p, x, 0.0017556258290904775)
    p = fma_f64(p, x, -0.009746579547928139)
    p = fma_f64(p, x, 0.0283622774218402)
    p = fma_f64(p, x, -0.05869339859055005)
    p = fma_f64(p, x, 0.09230432116018078)
    p = fma_f64(p, x, -0.10880393014170645)
    p = fma_f64(p, x, 0.08227673849015146)
    p = fma_f64(p, x, 0.0035854154854636617)
    p = fma_f64(p, x, -0.14024059858554702)
    return p


cdef inline double poly_lgamma1_f64(double x) noexcept nogil:  # within 8.9e-18
    cdef double p = 0.0731691213899678
    p = fma_f64(p, x, -0.07607316249708918)
    p = fma_f64(p, x, 0.06016275983354161)
    p = fma_f64(p, x, -0.06455085826774234)
    p = fma_f64(p, x, 0.07159861588108549)
    p = fma_f64(p, x, -0.07706917106045293)
    p = fma_f64(p, x, 0.0833469172900269)
    p = fma_f64(p, x, -0.09094893579127333)
    p = fma_f64(p, x, 0.1000996322174249)
    p = fma_f64(p, x, -0.1113343760455924)
    p = fma_f64(p, x, 0.125509666924739)
    p = fma_f64(p, x, -0.14404989543680943)
    p = fma_f64(p, x, 0.16955717701859055)
    p = fma_f64(p, x, -0.2073855510366448)
    p = fma_f64(p, x, 0.27058080842770416)
    p = fma_f64(p, x, -0.40068563438651367)
    p = fma_f64(p, x, 0.8224670334241133)
    p = fma_f64(p, x, -0.5772156649015329)
    return p


cdef inline double poly_lgamma2_f64(double x) noexcept nogil:  # within 5.0e-18
    cdef double p = 2.487797610765779e-06
    p = fma_f64(p, x, -7.036595578656587e-07)
    p = fma_f64(p, x, 4.002914582308638e-06)
    p = fma_f64(p, x, -9.76779546070625e-06)
    p = fma_f64(p, x, 2.0544301409122567e-05)
    p = fma_f64(p, x, -4.489497512408035e-05)
    p = fma_f64(p, x, 9.945558827310322e-05)
    p = fma_f64(p, x, -0.00022315626254184516)
    p = fma_f64(p, x, 0.0005096695797467081)
    p = fma_f64(p, x, -0.0011927538730698464)
    p = fma_f64(p, x, 0.002890510329899032)
    p = fma_f64(p, x, -0.007385551029182566)
    p = fma_f64(p, x, 0.020580808427790684)
    p = fma_f64(p, x, -0.06735230105319515)
    p = fma_f64(p, x, 0.3224670334241132)
    p = fma_f64(p, x, 0.42278433509846713)
    return p


cdef inline double poly_stirling_f64(double x) noexcept nogil:  # within 4.5e-18
    cdef double p = 0.0041203327023863045
    p = fma_f64(p, x, -0.0018603746220514224)
    p = fma_f64(p, x, 0.0008411016523253934)
    p = fma_f64(p, x, -0.0005952343746557951)
    p = fma_f64(p, x, 0.0007936507830625581)
    p = fma_f64(p, x, -0.002777777777764723)
    p = fma_f64(p, x, 0.08333333333333333)
    return p


cdef inline double poly_digamma_tail_f64(double x) noexcept nogil:  # within 4.5e-18
    cdef double p = 0.06845937091950537
    p = fma_f64(p, x, -0.020871526720394964)
    p = fma_f64(p, x, 0.007574029178772356)
    p = fma_f64(p, x, -0.004166659318892765)
    p = fma_f64(p, x, 0.003968253952020291)
    p = fma_f64(p, x, -0.008333333333317329)
    p = fma_f64(p, x, 0.08333333333333333)
    return p


cdef inline double poly_digamma_root_f64(double x) noexcept nogil:  # within 3.4e-17
    cdef double p = 0.07732334015434099
    p = fma_f64(p, x, -0.007504505285655136)
    p = fma_f64(p, x, -0.0337167693809854)
    p = fma_f64(p, x, 0.0019832865068699925)
    p = fma_f64(p, x, 0.007616122785523242)
    p = fma_f64(p, x, -0.0020138247170040607)
    p = fma_f64(p, x, 0.0016035567853531858)
    p = fma_f64(p, x, -0.0033314277172311587)
    p = fma_f64(p, x, 0.004973112028629231)
    p = fma_f64(p, x, -0.007206537729520344)
    p = fma_f64(p, x, 0.010536852842859455)
    p = fma_f64(p, x, -0.015424702657686112)
    p = fma_f64(p, x, 0.02259769925680055)
    p = fma_f64(p, x, -0.03316112765009832)
    p = fma_f64(p, x, 0.0488042873543065)
    p = fma_f64(p, x, -0.07219956124455923)
    p = fma_f64(p, x, 0.1078240506983492)
    p = fma_f64(p, x, -0.16394270544246212)
    p = fma_f64(p, x, 0.2584997609556225)
    p = fma_f64(p, x, -0.442763168983592)
    p = fma_f64(p, x, 0.9676722454476212)
    return p


cdef inline double poly_erfinv_start(double x) noexcept nogil:  # within 1.9e-7
    cdef double p = 7.740349895788431e-12
    p = fma_f64(p, x, -5.686804262694553e-10)
    p = fma_f64(p, x, 1.951767460839345e-08)
    p = fma_f64(p, x, -4.154867668116348e-07)
    p = fma_f64(p, x, 6.1427232479945385e-06)
    p = fma_f64(p, x, -6.692004066612446e-05)
    p = fma_f64(p, x, 0.0005562237831268099)
    p = fma_f64(p, x, -0.003603218951427227)
    p = fma_f64(p, x, 0.018425908966853425)
    p = fma_f64(p, x, -0.07488895456744687)
    p = fma_f64(p, x, 0.24245432630815283)
    p = fma_f64(p, x, -0.6243508777833793)
    p = fma_f64(p, x, 1.2729418543004194)
    p = fma_f64(p, x, -2.039520302818934)
    p = fma_f64(p, x, 2.541215174211292)
    p = fma_f64(p, x, -2.4268623308297825)
    p = fma_f64(p, x, 1.7411786112242515)
    p = fma_f64(p, x, -0.9155285196794564)
    p = fma_f64(p, x, 0.33679790764689227)
    p = fma_f64(p, x, -0.07102199733297042)
    p = fma_f64(p, x, 0.012344664748075692)
    p = fma_f64(p, x, 0.23103993382151994)
    p = fma_f64(p, x, 3.0399127602655315e-05)
    p = fma_f64(p, x, 0.8862267682475223)
    return p


cdef inline double poly_exp_light(double x) noexcept nogil:  # within 2.6e-11
    cdef double p = 2.4867885466993498e-05
    p = fma_f64(p, x, 0.0001989928784040508)
    p = fma_f64(p, x, 0.0013888839086974955)
    p = fma_f64(p, x, 0.008333298466400095)
    p = fma_f64(p, x, 0.04166666678635447)
    p = fma_f64(p, x, 0.16666666719039147)
    p = fma_f64(p, x, 0.4999999999995506)
    return p


cdef inline double poly_log_light(double x) noexcept nogil:  # within 7.2e-12
    cdef double p = 0.19364678123979032
    p = fma_f64(p, x, 0.22191290725634547)
    p = fma_f64(p, x, 0.2857175639410215)
    p = fma_f64(p, x, 0.3999999878738823)
    p = fma_f64(p, x, 0.6666666666738332)
    return p


cdef inline double poly_sin_light(double x) noexcept nogil:  # within 2.8e-11
    cdef double p = 2.724993309198551e-06
    p = fma_f64(p, x, -0.0001984008684999054)
    p = fma_f64(p, x, 0.008333331875084478)
    p = fma_f64(p, x, -0.16666666663856947)
    return p


cdef inline double poly_cos_light(double x) noexcept nogil:  # within 2.3e-12
    cdef double p = -2.7300960764475675e-07
    p = fma_f64(p, x, 2.4800600430958462e-05)
    p = fma_f64(p, x, -0.0013888887672232357)
    p = fma_f64(p, x, 0.041666666664322255)
    return p


cdef inline double poly_atan_light(double x) noexcept nogil:  # within 1.8e-11
    cdef double p = -0.040463378055120146
    p = fma_f64(p, x, 0.07137016355199573)
    p = fma_f64(p, x, -0.09029327463689155)
    p = fma_f64(p, x, 0.11107527338668545)
    p = fma_f64(p, x, -0.14285613873328437)
    p = fma_f64(p, x, 0.1999999893835951)
    p = fma_f64(p, x, -0.3333333333149365)
    return p


cdef inline double poly_asin_light(double x) noexcept nogil:  # within 1.4e-11
    cdef double p = 0.029426915551796336
    p = fma_f64(p, x, 0.0053379082618067245)
    p = fma_f64(p, x, 0.019342015778587122)
    p = fma_f64(p, x, 0.022126428473860902)
    p = fma_f64(p, x, 0.030398152883038328)
    p = fma_f64(p, x, 0.044642337220381495)
    p = fma_f64(p, x, 0.07500000631433222)
    p = fma_f64(p, x, 0.16666666665413768)
    return p


cdef inline double poly_erfinv_light(double x) noexcept nogil:  # within 1.5e-12
    cdef double p = 0.060662313876920185
    p = fma_f64(p, x, 0.06430894009937717)
    p = fma_f64(p, x, 0.08657361116709669)
    p = fma_f64(p, x, 0.12755585688967522)
    p = fma_f64(p, x, 0.2320136682548969)
    p = fma_f64(p, x, 0.886226925451255)
    return p


cdef inline double poly_erfcx_light(double x) noexcept nogil:  # within 9.0e-11
    cdef double p = -6.35199357064843e-06
    p = fma_f64(p, x, 1.8522153092733653e-05)
    p = fma_f64(p, x, 4.42787993349172e-05)
    p = fma_f64(p, x, -0.00028431369280676884)
    p = fma_f64(p, x, 0.00029959820417192084)
    p = fma_f64(p, x, 0.00175115833621117)
    p = fma_f64(p, x, -0.009749244415008702)
    p = fma_f64(p, x, 0.02836410473179057)
    p = fma_f64(p, x, -0.05869273549632092)
    p = fma_f64(p, x, 0.09230393763947878)
    p = fma_f64(p, x, -0.10880401171008978)
    p = fma_f64(p, x, 0.0822767739788554)
    p = fma_f64(p, x, 0.0035854193237479363)
    p = fma_f64(p, x, -0.14024059953555754)
    p = fma_f64(p, x, 1.2375126308081144)
    return p


cdef inline float poly_exp_f32(float x) noexcept nogil:  # within 6.4e-8
    cdef float p = 0.0013930504210293293
    p = fma_f32(p, x, 0.008363251574337482)
    p = fma_f32(p, x, 0.041666511446237564)
    p = fma_f32(p, x, 0.16666576266288757)
    p = fma_f32(p, x, 0.5)
    return p


cdef inline float poly_exp2_f32(float x) noexcept nogil:  # within 9.1e-9
    cdef float p = 0.00015453876403626055
    p = fma_f32(p, x, 0.0013388069346547127)
    p = fma_f32(p, x, 0.009618083015084267)
    p = fma_f32(p, x, 0.05550365895032883)
    p = fma_f32(p, x, 0.24022650718688965)
    p = fma_f32(p, x, 0.6931471824645996)
    return p


cdef inline float poly_log_f32(float x) noexcept nogil:  # within 2.5e-8
    cdef float p = 0.07146716862916946
    p = fma_f32(p, x, -0.11566142737865448)
    p = fma_f32(p, x, 0.1166025921702385)
    p = fma_f32(p, x, -0.12411833554506302)
    p = fma_f32(p, x, 0.14250193536281586)
    p = fma_f32(p, x, -0.16668443381786346)
    p = fma_f32(p, x, 0.20000694692134857)
    p = fma_f32(p, x, -0.24999989569187164)
    p = fma_f32(p, x, 0.3333333134651184)
    return p


cdef inline float poly_tanh_f32(float x) noexcept nogil:  # within 9.8e-9
    cdef float p = 0.0001563250698382035
    p = fma_f32(p, x, -0.0009740179521031678)
    p = fma_f32(p, x, 0.003282178658992052)
    p = fma_f32(p, x, -0.008755062706768513)
    p = fma_f32(p, x, 0.021852776408195496)
    p = fma_f32(p, x, -0.05396824702620506)
    p = fma_f32(p, x, 0.13333354890346527)
    p = fma_f32(p, x, -0.3333333432674408)
    return p


cdef inline float poly_erf_f32(float x) noexcept nogil:  # within 1.3e-9
    cdef float p = 7.919901690911502e-05
    p = fma_f32(p, x, -0.000803065428044647)
    p = fma_f32(p, x, 0.005190725903958082)
    p = fma_f32(p, x, -0.026855124160647392)
    p = fma_f32(p, x, 0.11283618211746216)
    p = fma_f32(p, x, -0.3761262893676758)
    p = fma_f32(p, x, 0.12837916612625122)
    return p


cdef inline float poly_erfc_log_f32(float x) noexcept nogil:  # within 1.5e-8
    cdef float p = -1.613882886886131e-06
    p = fma_f32(p, x, 4.558762884698808e-05)
    p = fma_f32(p, x, -0.0005927488091401756)
    p = fma_f32(p, x, 0.004740145988762379)
    p = fma_f32(p, x, -0.026364557445049286)
    p = fma_f32(p, x, 0.10997805744409561)
    p = fma_f32(p, x, 0.6319372057914734)
    p = fma_f32(p, x, 1.1301666498184204)
    p = fma_f32(p, x, -0.0003032129898201674)
    return p
